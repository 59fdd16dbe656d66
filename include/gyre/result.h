// Result<T>: a value or an Error. The only way a function of Gyre's reports failure.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "gyre/error.h"

namespace gyre {

template <class T>
struct [[nodiscard]] Result : std::expected<T, Error> {
  using std::expected<T, Error>::expected;
};

// A failure to return: `return fail(ErrorCode::busy, "...");`. Surely not applied unless told otherwise.
inline std::unexpected<Error> fail(ErrorCode code, std::string message, Outcome outcome = Outcome::not_applied) {
  return std::unexpected(Error{code, outcome, std::move(message), {}});
}

inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace gyre

// Returns early with the error of `expression`, a Result of any type.
#define GYRE_TRY(expression)                                                                          \
  do {                                                                                                \
    if (auto gyre_try_ = (expression); !gyre_try_) return ::gyre::fail(std::move(gyre_try_).error()); \
  } while (false)

#define GYRE_TRY_JOIN_(a, b) a##b
#define GYRE_TRY_NAME_(a, b) GYRE_TRY_JOIN_(a, b)
#define GYRE_TRY_SET_(temporary, target, expression)                 \
  auto temporary = (expression);                                     \
  if (!temporary) return ::gyre::fail(std::move(temporary).error()); \
  target = std::move(*temporary)

// `GYRE_TRY_SET(auto x, f());` declares x with the value of f(), or returns early with its error.
#define GYRE_TRY_SET(target, expression) GYRE_TRY_SET_(GYRE_TRY_NAME_(gyre_try_, __LINE__), target, expression)
