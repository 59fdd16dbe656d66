// Which memory the server's allocator asks the kernel for.

extern "C" {

// Read by jemalloc when it starts; the environment variable MALLOC_CONF, where set, has the last word. RocksDB's
// memtables are lists that are read all over with each write: on pages of 4 KiB most of that time goes into address
// translation, so all memory is asked for in huge pages.
const char* malloc_conf = "thp:always,metadata_thp:auto";
}
