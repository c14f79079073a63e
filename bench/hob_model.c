/* hob_model.c - the same texts straight into structs, by models that have about half of the members
 * of a tweet, and all of a record. */
#include "json_turns.h"
#include <hob/error.h>
#include <hob/json.h>
#include <hob/model.h>

/* ---- twitter ---- */

struct account {
    int64_t id;
    char *name, *screen_name, *location, *description, *url, *created_at, *lang, *picture;
    bool is_protected, verified;
    int followers, friends, listed, favourites, statuses;
};
HOB_MODEL(account, struct account, HOB_FIELD(id), HOB_FIELD(name), HOB_FIELD(screen_name),
          HOB_FIELD(location), HOB_FIELD(description), HOB_FIELD(url, .optional = true),
          HOB_FIELD(is_protected, .name = "protected"),
          HOB_FIELD(followers, .name = "followers_count"),
          HOB_FIELD(friends, .name = "friends_count"), HOB_FIELD(listed, .name = "listed_count"),
          HOB_FIELD(created_at), HOB_FIELD(favourites, .name = "favourites_count"),
          HOB_FIELD(verified), HOB_FIELD(statuses, .name = "statuses_count"), HOB_FIELD(lang),
          HOB_FIELD(picture, .name = "profile_image_url"))

struct hashtag {
    char *text;
    int indices[2];
};
HOB_MODEL(hashtag, struct hashtag, HOB_FIELD(text), HOB_FIELD(indices))

struct mention {
    char *screen_name, *name;
    int64_t id;
    int indices[2];
};
HOB_MODEL(mention, struct mention, HOB_FIELD(screen_name), HOB_FIELD(name), HOB_FIELD(id),
          HOB_FIELD(indices))

struct link {
    char *url, *expanded_url, *display_url;
};
HOB_MODEL(link, struct link, HOB_FIELD(url), HOB_FIELD(expanded_url), HOB_FIELD(display_url))

struct entities {
    struct hashtag *hashtags;
    struct link *urls;
    struct mention *mentions;
    size_t nhashtags, nurls, nmentions;
};
HOB_MODEL(entities, struct entities, HOB_NESTED_ARRAY(hashtags, nhashtags, hashtag),
          HOB_NESTED_ARRAY(urls, nurls, link),
          HOB_NESTED_ARRAY(mentions, nmentions, mention, .name = "user_mentions"))

struct tweet {
    char *created_at, *text, *source, *lang;
    int64_t id, *in_reply_to;
    bool truncated, favorited, retweeted;
    int retweets, favorites;
    struct account user;
    struct tweet *retweet;
    struct entities entities;
};
HOB_MODEL(tweet, struct tweet, HOB_FIELD(created_at), HOB_FIELD(id), HOB_FIELD(text),
          HOB_FIELD(source), HOB_FIELD(truncated),
          HOB_FIELD(in_reply_to, .name = "in_reply_to_status_id"), HOB_NESTED(user, account),
          HOB_NESTED(retweet, tweet, .name = "retweeted_status"),
          HOB_FIELD(retweets, .name = "retweet_count"),
          HOB_FIELD(favorites, .name = "favorite_count"), HOB_NESTED(entities, entities),
          HOB_FIELD(favorited), HOB_FIELD(retweeted), HOB_FIELD(lang))

struct tweets {
    struct tweet *statuses;
    size_t count;
};
HOB_MODEL(tweets, struct tweets, HOB_NESTED_ARRAY(statuses, count, tweet))

/* ---- citm_catalog ---- */

struct price {
    int64_t amount, audience, category;
};
HOB_MODEL(price, struct price, HOB_FIELD(amount),
          HOB_FIELD(audience, .name = "audienceSubCategoryId"),
          HOB_FIELD(category, .name = "seatCategoryId"))

struct area {
    int64_t id;
};
HOB_MODEL(area, struct area, HOB_FIELD(id, .name = "areaId"))

struct category {
    struct area *areas;
    size_t count;
    int64_t id;
};
HOB_MODEL(category, struct category, HOB_NESTED_ARRAY(areas, count, area),
          HOB_FIELD(id, .name = "seatCategoryId"))

struct performance {
    int64_t event, id, start;
    char *logo, *venue;
    struct price *prices;
    struct category *categories;
    size_t nprices, ncategories;
};
HOB_MODEL(performance, struct performance, HOB_FIELD(event, .name = "eventId"), HOB_FIELD(id),
          HOB_FIELD(logo, .optional = true), HOB_NESTED_ARRAY(prices, nprices, price),
          HOB_NESTED_ARRAY(categories, ncategories, category, .name = "seatCategories"),
          HOB_FIELD(start), HOB_FIELD(venue, .name = "venueCode"))

struct catalog {
    struct performance *performances;
    size_t count;
};
HOB_MODEL(catalog, struct catalog, HOB_NESTED_ARRAY(performances, count, performance))

/* ---- canada ---- */

struct point {
    double xy[2];
};
HOB_WRAPPER(point, struct point, HOB_FIELD(xy))

struct ring {
    struct point *points;
    size_t count;
};
HOB_WRAPPER(ring, struct ring, HOB_NESTED_ARRAY(points, count, point))

struct geometry {
    char *type;
    struct ring *rings;
    size_t count;
};
HOB_MODEL(geometry, struct geometry, HOB_FIELD(type),
          HOB_NESTED_ARRAY(rings, count, ring, .name = "coordinates"))

struct feature {
    char *type;
    struct geometry geometry;
};
HOB_MODEL(feature, struct feature, HOB_FIELD(type), HOB_NESTED(geometry, geometry))

struct map {
    char *type;
    struct feature *features;
    size_t count;
};
HOB_MODEL(map, struct map, HOB_FIELD(type), HOB_NESTED_ARRAY(features, count, feature))

/* ---- records ---- */

struct record {
    int64_t id, balance, *manager;
    char *name, *email;
    bool active;
    double score;
    struct hob_time created;
    char **tags;
    size_t ntags;
};
HOB_MODEL(record, struct record, HOB_FIELD(id), HOB_FIELD(name), HOB_FIELD(email),
          HOB_FIELD(active), HOB_FIELD(score), HOB_FIELD(balance), HOB_FIELD(created),
          HOB_FIELD(manager), HOB_ARRAY(tags, ntags))

/* Into memory that is used again, as the tree's. */
static void decode(struct json_text *t) {
    static struct hob_arena memory;
    struct tweets tweets;
    struct catalog catalog;
    struct map map;
    struct record *records;
    size_t count;
    int rc;
    hob_arena_reset(&memory);
    if (strcmp(t->name, "twitter") == 0)
        rc = hob_model_decode(tweets, &tweets, t->text, t->size, &memory);
    else if (strcmp(t->name, "citm_catalog") == 0)
        rc = hob_model_decode(catalog, &catalog, t->text, t->size, &memory);
    else if (strcmp(t->name, "canada") == 0)
        rc = hob_model_decode(map, &map, t->text, t->size, &memory);
    else
        rc = hob_model_decode_array(record, &records, &count, t->text, t->size, &memory);
    if (rc < 0) BENCH_FAIL("%s: %s", t->name, hob_error() ? hob_error()->message : "?");
    BENCH_KEEP(&memory);
}

/* What that is compared with: the tree, by the same process. */
static void parse(struct json_text *t) {
    int rc = t->kept ? hob_json_reparse(t->text, t->size, (struct hob_json_doc *)t->kept)
                     : hob_json_parse(t->text, t->size, (struct hob_json_doc **)(void *)&t->kept);
    if (rc < 0) BENCH_FAIL("%s: %s", t->name, hob_error() ? hob_error()->message : "?");
}

int main(int argc, char **argv) {
    const struct json_job jobs[] = {{"decode", decode}, {"parse", parse}, {0}};
    return json_turns(argc, argv, jobs);
}
