#include "base/bytes.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/assert.h"

namespace gyre {

Buffer* Buffer::create(std::size_t capacity) {
  void* memory = std::malloc(sizeof(Buffer) + capacity);
  GYRE_ASSERT(memory != nullptr);
  return new (memory) Buffer(capacity);
}

void Buffer::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Buffer();
  std::free(this);
}

Bytes Bytes::copy_of(std::string_view text) {
  if (text.empty()) return {};
  Buffer* buffer = Buffer::create(text.size());
  std::memcpy(buffer->data(), text.data(), text.size());
  return adopt(buffer, {buffer->data(), text.size()});
}

Bytes Bytes::share(Buffer* owner, std::string_view view) {
  GYRE_ASSERT(view.empty() ||
              (view.data() >= owner->data() && view.data() + view.size() <= owner->data() + owner->capacity()));
  owner->retain();
  return {owner, view};
}

Bytes Bytes::slice(std::string_view part) const {
  GYRE_ASSERT(part.empty() ||
              (part.data() >= view_.data() && part.data() + part.size() <= view_.data() + view_.size()));
  if (owner_) owner_->retain();
  return {owner_, part};
}

}  // namespace gyre
