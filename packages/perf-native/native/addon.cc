// What the addon exports; binding.ts says the same to JavaScript.
#include <napi.h>

#include "proc_reader_js.h"
#include "reader_object.h"
#include "system.h"

namespace kernscope {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  define_reader(env, exports);
  define_system(env, exports);
  define_proc_reader(env, exports);
  return exports;
}

NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)

}  // namespace kernscope
