// What operators ask for and set, and the answers: admin.capnp.
#pragma once

#include "wire/writes_capnp.h"

namespace gyre::wire {

messages::ClusterSetRequest decode_cluster_set(schema::ClusterSetRequest::Reader in);
messages::NodeSetRequest decode_node_set(const Decoding& decoding, schema::NodeSetRequest::Reader in);
messages::FaultsRequest decode_faults_request(Decoding& decoding, schema::FaultsRequest::Reader in);

void encode_admin(const messages::ClusterSetRequest& request, schema::ClusterSetRequest::Builder out);
void encode_admin(const messages::NodeSetRequest& request, schema::NodeSetRequest::Builder out);
void encode_admin(const messages::FaultsRequest& request, schema::FaultsRequest::Builder out);

// Upper bounds of what encode_admin() writes, in words.
std::size_t words_of_admin(const messages::ClusterSetRequest& request);
std::size_t words_of_admin(const messages::NodeSetRequest& request);
std::size_t words_of_admin(const messages::FaultsRequest& request);

messages::PlanResponse decode_plan(Decoding& decoding, schema::Plan::Reader in);
messages::MovesResponse decode_moves(Decoding& decoding, schema::Moves::Reader in);
messages::HotResponse decode_hot(Decoding& decoding, schema::Hot::Reader in);
std::vector<messages::FaultRule> decode_fault_rules(Decoding& decoding, capnp::List<schema::FaultRule>::Reader in);

void encode_admin(const messages::PlanResponse& response, schema::Plan::Builder out);
void encode_admin(const messages::MovesResponse& response, schema::Moves::Builder out);
void encode_admin(const messages::HotResponse& response, schema::Hot::Builder out);
void encode_fault_rules(const std::vector<messages::FaultRule>& rules, capnp::List<schema::FaultRule>::Builder out);

// Upper bounds of what encode_admin() and encode_fault_rules() write, in words.
std::size_t words_of_admin(const messages::PlanResponse& response);
std::size_t words_of_admin(const messages::MovesResponse& response);
std::size_t words_of_admin(const messages::HotResponse& response);
std::size_t words_of_fault_rules(const std::vector<messages::FaultRule>& rules);

// How busy partitions are: of reports and of hot partitions.
std::vector<messages::LoadReport::Item> decode_load_items(Decoding& decoding, capnp::List<schema::LoadItem>::Reader in);
void encode_load_items(const std::vector<messages::LoadReport::Item>& items,
                       capnp::List<schema::LoadItem>::Builder out);
std::size_t words_of_load_items(const std::vector<messages::LoadReport::Item>& items);

}  // namespace gyre::wire
