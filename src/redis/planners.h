// One function for each command: its arguments to a plan. REQUIRES: the arity holds, see command_table.h.
#pragma once

#include "redis/command_table.h"

namespace gyre::redis {

Plan plan_append(const Call& call);
Plan plan_cluster_countkeysinslot(const Call& call);
Plan plan_cluster_getkeysinslot(const Call& call);
Plan plan_command_count(const Call& call);
Plan plan_command_docs(const Call& call);
Plan plan_command_getkeys(const Call& call);
Plan plan_command_help(const Call& call);
Plan plan_command_info(const Call& call);
Plan plan_copy(const Call& call);
Plan plan_dbsize(const Call& call);
Plan plan_decr(const Call& call);
Plan plan_decrby(const Call& call);
Plan plan_del(const Call& call);
Plan plan_dump(const Call& call);
Plan plan_exists(const Call& call);
Plan plan_expire(const Call& call);
Plan plan_expireat(const Call& call);
Plan plan_expiretime(const Call& call);
Plan plan_flushall(const Call& call);
Plan plan_get(const Call& call);
Plan plan_getdel(const Call& call);
Plan plan_getex(const Call& call);
Plan plan_getrange(const Call& call);
Plan plan_getset(const Call& call);
Plan plan_incr(const Call& call);
Plan plan_incrby(const Call& call);
Plan plan_incrbyfloat(const Call& call);
Plan plan_keys(const Call& call);
Plan plan_lcs(const Call& call);
Plan plan_memory_help(const Call& call);
Plan plan_memory_usage(const Call& call);
Plan plan_mget(const Call& call);
Plan plan_mset(const Call& call);
Plan plan_msetnx(const Call& call);
Plan plan_object_encoding(const Call& call);
Plan plan_object_freq(const Call& call);
Plan plan_object_help(const Call& call);
Plan plan_object_idletime(const Call& call);
Plan plan_object_refcount(const Call& call);
Plan plan_persist(const Call& call);
Plan plan_pexpire(const Call& call);
Plan plan_pexpireat(const Call& call);
Plan plan_pexpiretime(const Call& call);
Plan plan_psetex(const Call& call);
Plan plan_pttl(const Call& call);
Plan plan_randomkey(const Call& call);
Plan plan_rename(const Call& call);
Plan plan_renamenx(const Call& call);
Plan plan_restore(const Call& call);
Plan plan_scan(const Call& call);
Plan plan_set(const Call& call);
Plan plan_setex(const Call& call);
Plan plan_setnx(const Call& call);
Plan plan_setrange(const Call& call);
Plan plan_strlen(const Call& call);
Plan plan_ttl(const Call& call);
Plan plan_type(const Call& call);

}  // namespace gyre::redis
