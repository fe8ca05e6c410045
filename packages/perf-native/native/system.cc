#include "system.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "perf_event.h"

namespace kernscope {
namespace {

// Numbers of fsopen(2) and its kin are the same on every architecture; libc 2.28 does not name them.
constexpr long kFsopen = 430;
constexpr long kFsconfig = 431;
constexpr long kFsmount = 432;
constexpr unsigned kFsopenCloexec = 1;
constexpr unsigned kFsmountCloexec = 1;
constexpr unsigned kFsconfigCmdCreate = 6;

Napi::Value clock_nanos_js(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), clock_nanos(info[0].As<Napi::Number>().Int32Value()));
}

Napi::Value mount_detached(const Napi::CallbackInfo& info) {
  const std::string type = info[0].As<Napi::String>();
  const auto fail = [&](const char* operation) -> Napi::Value {
    to_error(info.Env(), {operation, errno}).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  };
  const FileDescriptor context(static_cast<int>(syscall(kFsopen, type.c_str(), kFsopenCloexec)));
  if (context.get() < 0) return fail("fsopen");
  if (syscall(kFsconfig, context.get(), kFsconfigCmdCreate, nullptr, nullptr, 0) != 0) return fail("fsconfig");
  const long mount = syscall(kFsmount, context.get(), kFsmountCloexec, 0);
  if (mount < 0) return fail("fsmount");
  return Napi::Number::New(info.Env(), static_cast<double>(mount));
}

// An errno, or 0 where the kernel opens such an event; it is closed at once, without having counted.
Napi::Value try_event(const Napi::CallbackInfo& info) {
  const auto array = info[0].As<Napi::Uint8Array>();
  const FileDescriptor fd(open_event({array.Data(), array.Data() + array.ByteLength()}, info[1].As<Napi::Number>(),
                                     info[2].As<Napi::Number>(), -1, 0));
  return Napi::Number::New(info.Env(), fd.get() < 0 ? -fd.get() : 0);
}

void close_descriptor(const Napi::CallbackInfo& info) { close(info[0].As<Napi::Number>().Int32Value()); }

Napi::Value read_process_memory(const Napi::CallbackInfo& info) {
  const pid_t pid = info[0].As<Napi::Number>().Int32Value();
  bool lossless = false;
  const uint64_t address = info[1].As<Napi::BigInt>().Uint64Value(&lossless);
  auto target = info[2].As<Napi::Uint8Array>();
  const iovec local{target.Data(), target.ByteLength()};
  const iovec remote{reinterpret_cast<void*>(address), target.ByteLength()};
  const ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
  if (got < 0) {
    to_error(info.Env(), {"process_vm_readv", errno, -1, pid}).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), static_cast<double>(got));
}

}  // namespace

Napi::Error to_error(Napi::Env env, const SystemError& failed) {
  Napi::Error error = Napi::Error::New(env, failed.operation + ": " + std::strerror(failed.error));
  error.Set("operation", Napi::String::New(env, failed.operation));
  error.Set("errno", Napi::Number::New(env, failed.error));
  error.Set("cpu", Napi::Number::New(env, failed.cpu));
  error.Set("pid", Napi::Number::New(env, failed.pid));
  return error;
}

void define_system(Napi::Env env, Napi::Object exports) {
  exports.Set("clockNanos", Napi::Function::New(env, clock_nanos_js));
  exports.Set("mountDetached", Napi::Function::New(env, mount_detached));
  exports.Set("tryEvent", Napi::Function::New(env, try_event));
  exports.Set("closeDescriptor", Napi::Function::New(env, close_descriptor));
  exports.Set("readProcessMemory", Napi::Function::New(env, read_process_memory));
}

}  // namespace kernscope
