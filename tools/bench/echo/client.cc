#include "tools/bench/echo/client.h"

#include <array>
#include <memory>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/write.hpp>

namespace gyre::echo {

namespace {

using asio::ip::tcp;

// Answers are replaced by as many new frames as soon as they arrive.
class Pipeline {
 public:
  Pipeline(asio::io_context& context, const ClientOptions& options)
      : socket_(context), frame_bytes_(options.frame_bytes), output_(options.depth * options.frame_bytes) {
    socket_.connect(options.server);
    socket_.set_option(tcp::no_delay(true));
    send(options.depth);
  }

  std::uint64_t answers() const { return answers_; }

 private:
  void send(std::size_t frames) {
    asio::async_write(socket_, asio::buffer(output_.data(), frames * frame_bytes_),
                      [this](std::error_code error, std::size_t) {
                        if (error) throw std::system_error(error);
                        read();
                      });
  }

  void read() {
    socket_.async_read_some(asio::buffer(input_), [this](std::error_code error, std::size_t bytes) {
      if (error) throw std::system_error(error);
      input_bytes_ += bytes;
      const std::size_t frames = input_bytes_ / frame_bytes_;
      input_bytes_ %= frame_bytes_;
      answers_ += frames;
      if (frames == 0) return read();
      send(frames);
    });
  }

  tcp::socket socket_;
  std::size_t frame_bytes_;
  std::vector<char> output_;
  std::array<char, 64 * 1024> input_{};
  std::size_t input_bytes_ = 0;  // of an answer that is not complete
  std::uint64_t answers_ = 0;
};

}  // namespace

std::uint64_t run_client(const ClientOptions& options, const std::function<void()>& on_begin) {
  asio::io_context context(1);
  std::vector<std::unique_ptr<Pipeline>> pipelines;
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    pipelines.push_back(std::make_unique<Pipeline>(context, options));
  }
  const auto answers = [&] {
    std::uint64_t sum = 0;
    for (const auto& pipeline : pipelines) sum += pipeline->answers();
    return sum;
  };
  context.run_for(options.warmup);
  on_begin();
  const std::uint64_t before = answers();
  context.run_for(options.duration);
  return answers() - before;
}

}  // namespace gyre::echo
