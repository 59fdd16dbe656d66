// The loss ledger of a node that leaves the cluster, read while it can still be asked: its process ends by itself once
// it has left, and nobody asks it any more.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"
#include "tools/gyre/cluster_source.h"

namespace gyre::cli {

class LeaverLedger {
 public:
  // `address`: where the node's process answers. REQUIRES: source lives longer.
  LeaverLedger(const ClusterSource& source, NodeId node, std::string address)
      : source_(source), node_(std::move(node)), address_(std::move(address)) {}

  // Takes in what is new. Nothing happens where the node does not answer.
  void read();
  // Asks whether the node has written to its ledger since it was read last.
  bool complete();

  std::size_t entries() const { return items_.size(); }
  // One JSON object a line, as in `gyre lost list --json`, with values. ERRORS: storage_failed.
  Result<void> save(const std::filesystem::path& path) const;

 private:
  const ClusterSource& source_;
  NodeId node_;
  std::string address_;
  std::vector<messages::LostItem> items_;
  bool was_read_ = false;
  std::uint64_t last_event_ = 0;  // of the coordinator's, when the ledger was read last
};

}  // namespace gyre::cli
