/* hob/hob.h - the core in one: tasks, scopes, errors, time, generators, synchronisation, the loop.
 */
#ifndef HOB_HOB_H
#define HOB_HOB_H
#include <hob/base.h>
#include <hob/error.h>
#include <hob/generator.h>
#include <hob/loop.h>
#include <hob/spawn.h>
#include <hob/sync.h>
#include <hob/task.h>
#endif
