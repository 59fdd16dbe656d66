// Which memory the server's allocator asks the kernel for, and when it gives it back.

extern "C" {

// Read by jemalloc when it starts; the environment variable MALLOC_CONF, where set, has the last word.
// RocksDB's memtables and the record cache are read all over with each command: on pages of 4 KiB most of that time
// goes into address translation, so all memory is asked for in huge pages. What is given back takes them apart, and
// soon a memtable asks for it again; so it is given back when it was free for minutes, and not by the loops.
// Arenas of a node's loops grow by what is ready already (node/memory_reserve.h).
const char* malloc_conf = "thp:always,metadata_thp:auto,dirty_decay_ms:600000,background_thread:true";
}
