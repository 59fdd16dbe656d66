// The arguments of one command as they were received: its name first.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "wire/resp_text.h"

namespace gyre::redis {

class Arguments {
 public:
  // `owner`: the buffer that all views lie in, if there is one; what a plan keeps then shares it, else it is copied.
  explicit Arguments(std::span<const std::string_view> views, Buffer* owner = nullptr) : views_(views), owner_(owner) {}

  std::size_t size() const { return views_.size(); }
  std::string_view operator[](std::size_t index) const { return views_[index]; }
  Bytes bytes(std::size_t index) const {
    return owner_ ? Bytes::share(owner_, views_[index]) : Bytes::copy_of(views_[index]);
  }
  Arguments from(std::size_t index) const { return Arguments(views_.subspan(index), owner_); }

 private:
  std::span<const std::string_view> views_;
  Buffer* owner_;
};

using wire::lower;
using wire::says;

}  // namespace gyre::redis
