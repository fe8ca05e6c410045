// The reader as JavaScript sees it: handles arguments and promises, nothing else.
#include "reader_object.h"

#include <functional>
#include <memory>
#include <optional>

#include "gate.h"
#include "reader.h"
#include "reader_values.h"
#include "span_memory.h"
#include "system.h"
#include "work_thread.h"

namespace kernscope {
namespace {

class ReaderObject : public Napi::ObjectWrap<ReaderObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports.Set("Reader", DefineClass(env, "Reader",
                                      {
                                          InstanceMethod<&ReaderObject::open_rings>("openRings"),
                                          InstanceMethod<&ReaderObject::follow_cpus>("followCpus"),
                                          InstanceMethod<&ReaderObject::open>("open"),
                                          InstanceMethod<&ReaderObject::set_enabled>("setEnabled"),
                                          InstanceMethod<&ReaderObject::set_filter>("setFilter"),
                                          InstanceMethod<&ReaderObject::counts>("counts"),
                                          InstanceMethod<&ReaderObject::close_events>("closeEvents"),
                                          InstanceMethod<&ReaderObject::start>("start"),
                                          InstanceMethod<&ReaderObject::take>("take"),
                                          InstanceMethod<&ReaderObject::release>("release"),
                                          InstanceMethod<&ReaderObject::request_horizon>("requestHorizon"),
                                          InstanceMethod<&ReaderObject::stats>("stats"),
                                          InstanceMethod<&ReaderObject::set_ref>("setRef"),
                                          InstanceMethod<&ReaderObject::close>("close"),
                                      }));
  }

  // (options, span: Uint32Array(4) that take() fills, onReady)
  explicit ReaderObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ReaderObject>(info) {
    Napi::Env env = info.Env();
    const auto options = info[0].As<Napi::Object>();
    memory_ = std::make_shared<SpanMemory>(u64(options, "spanSize"));
    if (!memory_->valid()) {
      to_error(env, {"mmap", ENOMEM}).ThrowAsJavaScriptException();
      return;
    }
    work_ = std::make_unique<WorkThread>();
    closing_ = std::make_unique<WorkThread>();
    auto failed = work_->start("kernscope-work");
    if (!failed) failed = closing_->start("kernscope-close");
    if (failed) {
      to_error(env, *failed).ThrowAsJavaScriptException();
      return;
    }
    span_ = Napi::Persistent(info[1].As<Napi::Uint32Array>());
    span_words_ = info[1].As<Napi::Uint32Array>().Data();

    calls_ = Calls::New(env, info[2].As<Napi::Function>(), "kernscope-reader", 0, 1, this);
    calls_.Unref(env);
    gate_ = std::make_shared<Gate<Calls, Completion>>(calls_);
    reader_ = std::make_shared<Reader>(reader_config(options), memory_->data(), memory_->size(),
                                       [gate = gate_] { gate->send(nullptr); },
                                       // The native thread ends before this object gives the reader away.
                                       [this] { closing_->post([reader = reader_] { reader->reap(); }); });
    auto* keep = new std::shared_ptr<SpanMemory>(memory_);
    info.This().As<Napi::Object>().Set(
        "memory", Napi::ArrayBuffer::New(env, memory_->data(), memory_->size(),
                                         [](Napi::Env, void*, std::shared_ptr<SpanMemory>* kept) { delete kept; }, keep));
    // Ends the threads before the environment's own clean-up takes the callbacks away.
    napi_add_env_cleanup_hook(env, &ReaderObject::on_env_exit, this);
    hooked_ = true;
  }

  ~ReaderObject() override { end(); }

 private:
  // What a thread has to tell JavaScript: null for "records are there", else the end of a job.
  using Completion = std::function<void(Napi::Env)>;
  static void deliver(Napi::Env env, Napi::Function on_ready, ReaderObject*, Completion* completion) {
    std::unique_ptr<Completion> owned(completion);
    if (static_cast<napi_env>(env) == nullptr) return;
    if (owned) (*owned)(env);
    else on_ready.Call({});
  }
  using Calls = Napi::TypedThreadSafeFunction<ReaderObject, Completion, &ReaderObject::deliver>;

  static void on_env_exit(void* self) {
    auto* object = static_cast<ReaderObject*>(self);
    object->hooked_ = false;
    object->end();
  }

  // Runs `job` on a work thread; `finish`, which it returns, then settles the promise on JavaScript's.
  using Finish = std::function<void(Napi::Env, const Napi::Promise::Deferred&)>;
  Napi::Value run(Napi::Env env, WorkThread& thread, std::function<Finish()> job) {
    const Napi::Promise::Deferred deferred(env);
    hold(env, +1);
    thread.post([this, gate = gate_, deferred, job = std::move(job)] {
      Finish finish = job();
      gate->send(new Completion([this, deferred, finish = std::move(finish)](Napi::Env env) {
        finish(env, deferred);
        hold(env, -1);
      }));
    });
    return deferred.Promise();
  }

  static Finish rejected(SystemError error) {
    return [error](Napi::Env env, const auto& deferred) { deferred.Reject(to_error(env, error).Value()); };
  }
  static Finish resolved() {
    return [](Napi::Env env, const auto& deferred) { deferred.Resolve(env.Undefined()); };
  }
  static Finish settled(const std::optional<SystemError>& error) { return error ? rejected(*error) : resolved(); }

  Napi::Value open_rings(const Napi::CallbackInfo& info) {
    return run(info.Env(), *work_, [reader = reader_, attr = bytes(info[0])]() -> Finish {
      if (auto error = reader->open_rings(attr)) return rejected(*error);
      return [cpus = reader->cpus()](Napi::Env env, const auto& deferred) { deferred.Resolve(numbers(env, cpus)); };
    });
  }

  Napi::Value follow_cpus(const Napi::CallbackInfo& info) {
    const auto online = info[0].As<Napi::Int32Array>();
    return run(info.Env(), *work_,
               [reader = reader_, cpus = std::vector<int>(online.Data(), online.Data() + online.ElementLength())]() -> Finish {
                 std::vector<int> came;
                 const auto failed = reader->follow_cpus(cpus, came);
                 return [came, failed](Napi::Env env, const auto& deferred) {
                   Napi::Object result = Napi::Object::New(env);
                   result.Set("came", numbers(env, came));
                   if (failed) result.Set("failed", to_error(env, *failed).Value());
                   deferred.Resolve(result);
                 };
               });
  }

  Napi::Value open(const Napi::CallbackInfo& info) {
    return run(info.Env(), *work_, [reader = reader_, spec = open_spec(info[0].As<Napi::Object>())]() -> Finish {
      std::vector<int> offline;
      if (auto error = reader->open(spec, offline)) return rejected(*error);
      return [offline](Napi::Env env, const auto& deferred) { deferred.Resolve(numbers(env, offline)); };
    });
  }

  Napi::Value set_enabled(const Napi::CallbackInfo& info) {
    return run(info.Env(), *work_,
               [reader = reader_, events = indices(info[0]), enabled = info[1].As<Napi::Boolean>().Value()] {
                 return settled(reader->set_enabled(events, enabled));
               });
  }

  Napi::Value set_filter(const Napi::CallbackInfo& info) {
    return run(info.Env(), *work_,
               [reader = reader_, index = info[0].As<Napi::Number>().Uint32Value(),
                filter = info[1].As<Napi::String>().Utf8Value()] { return settled(reader->set_filter(index, filter)); });
  }

  Napi::Value counts(const Napi::CallbackInfo& info) {
    return run(info.Env(), *work_, [reader = reader_, index = info[0].As<Napi::Number>().Uint32Value()]() -> Finish {
      std::vector<EventCounts> counts;
      if (auto error = reader->counts(index, counts)) return rejected(*error);
      return [counts](Napi::Env env, const auto& deferred) { deferred.Resolve(to_array(env, counts)); };
    });
  }

  Napi::Value close_events(const Napi::CallbackInfo& info) {
    return run(info.Env(), *closing_, [reader = reader_, events = indices(info[0])] {
      reader->close_events(events);
      return resolved();
    });
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    referenced_ = false;
    update_ref(info.Env());
    // Behind the jobs that were asked for before, then on the thread that may take its time.
    const Napi::Promise::Deferred deferred(info.Env());
    hold(info.Env(), +1);
    WorkThread* closer = closing_.get();
    work_->post([this, gate = gate_, reader = reader_, deferred, closer] {
      closer->post([this, gate, reader, deferred] {
        reader->close_all();
        gate->send(new Completion([this, deferred](Napi::Env env) {
          deferred.Resolve(env.Undefined());
          hold(env, -1);
          if (started_) Unref();
          end();
        }));
      });
    });
    return deferred.Promise();
  }

  void start(const Napi::CallbackInfo& info) {
    if (started_) return;
    if (const auto failed = reader_->start()) {
      to_error(info.Env(), *failed).ThrowAsJavaScriptException();
      return;
    }
    started_ = true;
    Ref();
    update_ref(info.Env());
  }

  Napi::Value take(const Napi::CallbackInfo& info) {
    Span span;
    const bool found = reader_->take(span);
    span_words_[0] = static_cast<uint32_t>(span.start);
    span_words_[1] = static_cast<uint32_t>(span.end);
    span_words_[2] = static_cast<uint32_t>(span.horizon >> 32);
    span_words_[3] = static_cast<uint32_t>(span.horizon);
    return Napi::Boolean::New(info.Env(), found);
  }

  void release(const Napi::CallbackInfo&) { reader_->release(); }
  void request_horizon(const Napi::CallbackInfo&) { reader_->request_horizon(); }

  Napi::Value stats(const Napi::CallbackInfo& info) {
    Napi::Object out = Napi::Object::New(info.Env());
    const MergeStats& stats = reader_->stats();
    const auto set = [&](const char* key, uint64_t value) {
      out.Set(key, Napi::Number::New(info.Env(), static_cast<double>(value)));
    };
    set("records", stats.records);
    set("bytes", stats.bytes);
    set("late", stats.late);
    set("corrupt", stats.corrupt);
    set("unknown", stats.unknown);
    set("lost", stats.lost);
    set("stalls", stats.stalls);
    set("wakeups", reader_->wakeups());
    return out;
  }

  void set_ref(const Napi::CallbackInfo& info) {
    referenced_ = info[0].As<Napi::Boolean>();
    update_ref(info.Env());
  }

  // The process, and this object, stay alive while a job runs, and while the reader runs and is referenced.
  void hold(Napi::Env env, int change) {
    jobs_ += change;
    if (change > 0) Ref();
    else Unref();
    update_ref(env);
  }
  void update_ref(Napi::Env env) {
    const bool wanted = jobs_ > 0 || (started_ && referenced_);
    if (wanted == held_ || ended_) return;
    held_ = wanted;
    if (wanted) calls_.Ref(env);
    else calls_.Unref(env);
  }

  // Ends the threads. A thread that is closing events finishes by itself; it holds the reader.
  void end() {
    if (ended_) return;
    ended_ = true;
    if (hooked_) napi_remove_env_cleanup_hook(Env(), &ReaderObject::on_env_exit, this);
    if (!reader_) return;
    gate_->shut();
    work_->stop();
    reader_->stop();
    closing_->post([reader = std::move(reader_), memory = memory_] { reader->close_all(); });
    closing_.reset();
  }

  std::shared_ptr<SpanMemory> memory_;
  Napi::Reference<Napi::Uint32Array> span_;
  uint32_t* span_words_ = nullptr;
  std::shared_ptr<Reader> reader_;
  std::unique_ptr<WorkThread> work_;
  std::unique_ptr<WorkThread> closing_;
  Calls calls_;
  std::shared_ptr<Gate<Calls, Completion>> gate_;
  int jobs_ = 0;
  bool started_ = false;
  bool referenced_ = true;
  bool held_ = false;
  bool hooked_ = false;
  bool ended_ = false;
};

}  // namespace

void define_reader(Napi::Env env, Napi::Object exports) { ReaderObject::define(env, exports); }

}  // namespace kernscope
