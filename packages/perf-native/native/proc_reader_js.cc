// The reader of many files as JavaScript sees it. Arguments come from proc-reader.ts, which has checked them.
#include "proc_reader_js.h"

#include <memory>

#include "proc_reader.h"

namespace kernscope {
namespace {

// One call: what it reads, and where to; JavaScript's arrays stay where they are until it is over.
struct Job {
  std::shared_ptr<const ProcReader> reader;
  const int32_t* numbers;
  size_t count;
  uint8_t* to;
  size_t size;
  int32_t* lengths;

  Job(std::shared_ptr<const ProcReader> by, const Napi::CallbackInfo& info) : reader(std::move(by)) {
    auto asked = info[0].As<Napi::Int32Array>();
    auto bytes = info[1].As<Napi::Uint8Array>();
    auto told = info[2].As<Napi::Int32Array>();
    numbers = asked.Data();
    count = asked.ElementLength();
    to = bytes.Data();
    size = bytes.ByteLength();
    lengths = told.Data();
  }

  size_t run() const { return reader->read(numbers, count, to, size, lengths); }
};

class ReadWorker : public Napi::AsyncWorker {
 public:
  ReadWorker(const Napi::CallbackInfo& info, Job job)
      : Napi::AsyncWorker(info.Env(), "kernscope-proc"), deferred_(info.Env()), job_(std::move(job)) {
    for (size_t i = 0; i < 3; ++i) held_[i] = Napi::Persistent(info[i].As<Napi::Object>());
  }
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override { done_ = job_.run(); }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), static_cast<double>(done_))); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Job job_;
  Napi::ObjectReference held_[3];
  size_t done_ = 0;
};

class ProcReaderObject : public Napi::ObjectWrap<ProcReaderObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports.Set("ProcReader", DefineClass(env, "ProcReader",
                                          {
                                              InstanceMethod<&ProcReaderObject::read>("read"),
                                              InstanceMethod<&ProcReaderObject::read_now>("readNow"),
                                          }));
  }

  // (root, names, limits)
  explicit ProcReaderObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ProcReaderObject>(info) {
    const auto names = info[1].As<Napi::Array>();
    const auto limits = info[2].As<Napi::Uint32Array>();
    std::vector<ProcReader::File> files;
    for (uint32_t i = 0; i < names.Length(); ++i) files.push_back({names.Get(i).As<Napi::String>(), limits[i]});
    reader_ = std::make_shared<ProcReader>(info[0].As<Napi::String>(), std::move(files));
  }

 private:
  // (numbers, to, lengths)
  Napi::Value read(const Napi::CallbackInfo& info) {
    auto* worker = new ReadWorker(info, Job(reader_, info));
    worker->Queue();
    return worker->promise();
  }

  Napi::Value read_now(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(Job(reader_, info).run()));
  }

  std::shared_ptr<const ProcReader> reader_;
};

Napi::Value read_file(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  auto to = info[1].As<Napi::Uint8Array>();
  return Napi::Number::New(info.Env(), ProcReader::read_file(path.c_str(), to.Data(), to.ByteLength()));
}

}  // namespace

void define_proc_reader(Napi::Env env, Napi::Object exports) {
  ProcReaderObject::define(env, exports);
  exports.Set("readFile", Napi::Function::New(env, read_file));
}

}  // namespace kernscope
