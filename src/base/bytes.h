// Bytes: an immutable, shared slice of memory. Copies share; a value read from a socket reaches the storage engine,
// the replication stream and the answer without being copied.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace gyre {

// A block of memory with a reference count, 16-byte aligned. Written only while it has one owner.
class Buffer {
 public:
  // The block's contents are uninitialised. Returned with one reference.
  static Buffer* create(std::size_t capacity);

  char* data() { return reinterpret_cast<char*>(this + 1); }
  std::size_t capacity() const { return capacity_; }
  bool unique() const { return references_.load(std::memory_order_acquire) == 1; }
  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

 private:
  explicit Buffer(std::size_t capacity) : capacity_(capacity) {}

  std::size_t capacity_;
  std::atomic<std::uint64_t> references_{1};
};
static_assert(sizeof(Buffer) == 16);

// THREAD: the slice itself belongs to one thread at a time; slices of one buffer may live on many.
class Bytes {
 public:
  Bytes() = default;
  static Bytes copy_of(std::string_view text);
  // Shares `owner` (adds a reference). REQUIRES: `view` lies within it.
  static Bytes share(Buffer* owner, std::string_view view);
  // Takes over the caller's reference to `owner`.
  static Bytes adopt(Buffer* owner, std::string_view view) { return Bytes(owner, view); }
  // Memory that outlives everything (literals). Not counted.
  static Bytes literal(std::string_view view) { return Bytes(nullptr, view); }

  Bytes(const Bytes& other) : owner_(other.owner_), view_(other.view_) {
    if (owner_) owner_->retain();
  }
  Bytes(Bytes&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), view_(std::exchange(other.view_, {})) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~Bytes() {
    if (owner_) owner_->release();
  }

  std::string_view view() const { return view_; }
  operator std::string_view() const { return view_; }
  std::string str() const { return std::string(view_); }
  const char* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  // A part of this slice, sharing its memory. REQUIRES: `part` lies within view().
  Bytes slice(std::string_view part) const;

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view_ == b.view_; }
  friend auto operator<=>(const Bytes& a, const Bytes& b) { return a.view_ <=> b.view_; }

 private:
  Bytes(Buffer* owner, std::string_view view) : owner_(owner), view_(view) {}

  Buffer* owner_ = nullptr;
  std::string_view view_;
};

}  // namespace gyre
