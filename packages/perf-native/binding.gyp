{
  "targets": [
    {
      "target_name": "perf_native",
      # Set where binaries are made that other systems load (tools/prebuild.mjs).
      "variables": { "portable": "<!(node -p \"process.env.KERNSCOPE_PORTABLE ? 1 : 0\")" },
      "sources": [
        "native/addon.cc",
        "native/close_events.cc",
        "native/follow_cpus.cc",
        "native/merge.cc",
        "native/new_stack.cc",
        "native/perf_event.cc",
        "native/proc_reader.cc",
        "native/proc_reader_js.cc",
        "native/reader.cc",
        "native/reader_object.cc",
        "native/reader_thread.cc",
        "native/reader_values.cc",
        "native/sample_layout.cc",
        "native/stack_completer.cc",
        "native/stack_stash.cc",
        "native/system.cc",
        "native/work_thread.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=9", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags": ["-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"],
      # Without SLP vectors: they join counters that are stored one by one into wide loads, which then wait for the stores.
      "cflags_cc": ["-std=c++20", "-O2", "-fno-tree-slp-vectorize"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-exceptions"],
      "ldflags": ["-static-libstdc++", "-Wl,-z,nodelete"],
      "conditions": [
        ["portable==1", {
          "sources": ["native/old_glibc.cc"],
          "ldflags": [
            "-Wl,--wrap=pthread_create", "-Wl,--wrap=pthread_detach", "-Wl,--wrap=pthread_join",
            "-Wl,--wrap=pthread_once", "-Wl,--wrap=pthread_getspecific", "-Wl,--wrap=pthread_setspecific",
            "-Wl,--wrap=pthread_key_create", "-Wl,--wrap=pthread_key_delete",
            "-Wl,--wrap=pthread_setaffinity_np", "-Wl,--wrap=pthread_setname_np", "-Wl,--wrap=pthread_sigmask"
          ]
        }]
      ]
    }
  ]
}
