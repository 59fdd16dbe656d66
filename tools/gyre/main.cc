#include "tools/gyre/command.h"

int main(int argc, char** argv) { return gyre::cli::run(argc, argv); }
