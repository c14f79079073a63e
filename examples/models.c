/* models - users as JSON on standard input, into plain structs: checks them, and says all that is
 * wrong at once, or writes what it has made of them. No task, no loop: models need neither.
 *
 *   models <users.json          [{"id": 1, "email": "ada@example.org", "role": "author", ...}, ...]
 *   models schema               what such a user has to be, as JSON Schema
 *
 * Exit status: 0; 1 when something is wrong with the input; 2 for wrong usage. */
#include <hob/error.h>
#include <hob/model.h>
#include <stdio.h>
#include <string.h>

enum role { ROLE_READER, ROLE_AUTHOR };
static const struct hob_choice roles[] = {
    {"reader", ROLE_READER}, {"author", ROLE_AUTHOR}, {NULL, 0}};

struct address {
    char *street, *city;
};
HOB_MODEL(address, struct address, HOB_FIELD(street), HOB_FIELD(city, .max_length = 80))

struct user {
    int64_t id;
    char *email;
    enum role role;
    double *score; /* NULL: none */
    struct hob_time created;
    struct address home;
    char **tags;
    size_t ntags;
};
HOB_MODEL(user, struct user, HOB_FIELD(id, .primary = true, HOB_MIN(1)),
          HOB_FIELD(email, .format = "email"), HOB_FIELD(role, .choices = roles),
          HOB_FIELD(score, HOB_MIN(0), HOB_MAX(100)), HOB_FIELD(created), HOB_NESTED(home, address),
          HOB_ARRAY(tags, ntags, .optional = true, .max_items = 3, .unique = true))

static int check_users(const char *text, size_t size) {
    HOB_ARENA(memory); /* all that the users point to */
    struct user *users;
    struct hob_problems wrong;
    size_t count;
    int rc = hob_model_decode_array(user, &users, &count, text, size, &memory, .problems = &wrong);
    if (rc == HOB_E_MODEL) {
        for (size_t i = 0; i < wrong.count; i++)
            printf("line %zu: %s: %s\n", wrong.items[i].line, wrong.items[i].path,
                   wrong.items[i].message);
        return 1;
    }
    HOB_TRY(rc); /* no JSON at all */

    double best = 0;
    char *out;
    for (size_t i = 0; i < count; i++)
        if (users[i].score && *users[i].score > best) best = *users[i].score;
    printf("%zu users, the best has %g\n", count, best);
    HOB_TRY(hob_model_encode_array(user, users, count, &out, NULL, .indent = 2, .newline = true));
    fputs(out, stdout);
    hob_json_text_free(out);
    return 0;
}

static int print_schema(void) {
    char *schema;
    HOB_TRY(hob_model_schema(&user_model, 2, &schema, NULL));
    puts(schema);
    hob_json_text_free(schema);
    return 0;
}

int main(int argc, char **argv) {
    static char text[1 << 20];
    if (argc > 2 || (argc == 2 && strcmp(argv[1], "schema") != 0)) {
        fprintf(stderr, "usage: models [schema] <FILE\n");
        return 2;
    }
    int rc = argc == 2 ? print_schema() : check_users(text, fread(text, 1, sizeof text, stdin));
    if (rc < 0) fprintf(stderr, "models: %s\n", hob_error()->message);
    return rc != 0;
}
