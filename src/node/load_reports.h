// One report of how busy this node is, made of those of its stores. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "messages/control.h"

namespace gyre::node {

// Every store tells about once a second, each at its own time.
class LoadReports {
 public:
  explicit LoadReports(std::size_t stores) : stores_(stores) {}

  // The newest of all stores together, once each has told anew, or this one twice while others were silent. None: the
  // rest is awaited.
  std::optional<messages::LoadReport> add(std::size_t store, messages::LoadReport report);

 private:
  struct Store {
    messages::LoadReport newest;
    bool anew = false;  // told since the last report of all
  };

  messages::LoadReport joined() const;

  std::vector<Store> stores_;
};

}  // namespace gyre::node
