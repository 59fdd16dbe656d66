#include "storage/ledger_records.h"

#include "base/hash.h"
#include "storage/encoding.h"

namespace gyre::storage {
namespace {

enum class Kind : std::uint8_t { write = 1, range = 2, reapplied = 3 };

constexpr std::uint8_t kPut = 0;
constexpr std::uint8_t kDelete = 1;

void put(std::string& out, const messages::LostWrite& write) {
  put_varint(out, write.partition.value());
  put_varint(out, write.position.term.value());
  put_varint(out, write.position.sequence.value());
  put_signed(out, write.time.value);
  put_u64(out, write.id.client.value());
  put_varint(out, write.id.number.value());
  put_byte(out, write.reapplied ? 1 : 0);
  put_varint(out, write.mutations.size());
  for (const messages::Mutation& mutation : write.mutations) {
    const bool is_put = mutation.kind == messages::Mutation::Kind::put;
    put_byte(out, is_put ? kPut : kDelete);
    put_text(out, mutation.key);
    if (!is_put) continue;
    put_text(out, mutation.record.value);
    put_signed(out, mutation.record.expires_at.value);
  }
}

messages::LostWrite read_write(Reader& reader) {
  messages::LostWrite write;
  write.partition = PartitionId(static_cast<std::uint16_t>(reader.varint()));
  write.position.term = Term(reader.varint());
  write.position.sequence = Sequence(reader.varint());
  write.time = {reader.signed_varint()};
  write.id.client = ClientId(reader.u64());
  write.id.number = WriteNumber(reader.varint());
  write.reapplied = reader.byte() != 0;
  for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
    messages::Mutation& mutation = write.mutations.emplace_back();
    mutation.kind = reader.byte() == kPut ? messages::Mutation::Kind::put : messages::Mutation::Kind::del;
    mutation.key = Bytes::copy_of(reader.text());
    mutation.record.version = write.position;
    if (mutation.kind != messages::Mutation::Kind::put) continue;
    mutation.record.value = Bytes::copy_of(reader.text());
    mutation.record.expires_at = {reader.signed_varint()};
  }
  return write;
}

void put(std::string& out, const messages::LostRange& range) {
  put_varint(out, range.partition.value());
  put_varint(out, range.term.value());
  put_varint(out, range.first.value());
  put_varint(out, range.last.value());
  put_text(out, range.why);
}

messages::LostRange read_range(Reader& reader) {
  messages::LostRange range;
  range.partition = PartitionId(static_cast<std::uint16_t>(reader.varint()));
  range.term = Term(reader.varint());
  range.first = Sequence(reader.varint());
  range.last = Sequence(reader.varint());
  range.why = reader.text();
  return range;
}

std::uint64_t checksum(std::uint64_t bytes, std::uint64_t batch, std::string_view record) {
  std::string head;
  put_u64(head, bytes);
  put_u64(head, batch);
  return hash64(record, hash64(head));
}

}  // namespace

std::string encode(const LedgerRecord& record) {
  std::string out;
  if (const auto* reapplied = std::get_if<ReappliedRecord>(&record)) {
    put_byte(out, static_cast<std::uint8_t>(Kind::reapplied));
    put_varint(out, reapplied->entries.size());
    for (const std::uint64_t entry : reapplied->entries) put_varint(out, entry);
    return out;
  }
  const auto& item = std::get<messages::LostItem>(record);
  const bool is_write = std::holds_alternative<messages::LostWrite>(item.loss);
  put_byte(out, static_cast<std::uint8_t>(is_write ? Kind::write : Kind::range));
  put_varint(out, item.id);
  put_signed(out, item.recorded.value);
  std::visit([&](const auto& loss) { put(out, loss); }, item.loss);
  return out;
}

Result<LedgerRecord> decode_ledger_record(std::string_view stored) {
  Reader reader(stored);
  const Kind kind{reader.byte()};
  LedgerRecord record;
  if (kind == Kind::reapplied) {
    ReappliedRecord reapplied;
    for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
      reapplied.entries.push_back(reader.varint());
    }
    record = std::move(reapplied);
  } else {
    messages::LostItem item;
    item.id = reader.varint();
    item.recorded = {reader.signed_varint()};
    if (kind == Kind::write) {
      item.loss = read_write(reader);
    } else {
      item.loss = read_range(reader);
    }
    record = std::move(item);
  }
  const bool known = kind == Kind::write || kind == Kind::range || kind == Kind::reapplied;
  if (!known || !reader.done()) return fail(ErrorCode::corrupt, "a record of the ledger cannot be read");
  return record;
}

std::string frame(std::string_view record, std::uint64_t batch) {
  std::string out(LedgerFrame::kMagic);
  put_u64(out, record.size());
  put_u64(out, batch);
  put_u64(out, checksum(record.size(), batch, record));
  out.append(record);
  return out;
}

std::optional<LedgerFrame> decode_frame_head(std::string_view head) {
  if (!head.starts_with(LedgerFrame::kMagic)) return std::nullopt;
  Reader reader(head.substr(LedgerFrame::kMagic.size()));
  LedgerFrame frame;
  frame.bytes = reader.u64();
  frame.batch = reader.u64();
  frame.checksum = reader.u64();
  return frame;
}

bool intact(const LedgerFrame& head, std::string_view record) {
  return head.checksum == checksum(head.bytes, head.batch, record);
}

}  // namespace gyre::storage
