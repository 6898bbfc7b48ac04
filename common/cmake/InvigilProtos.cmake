# invigil_protos(NAME [GRPC] PROTOS a.proto ... [DEPS other_proto_library])
#
# Paths are relative to protos/. Makes the library NAME of the messages and, with GRPC, NAME_grpc of
# the service code, so that rooms that only need messages do not pay for gRPC headers.
function(invigil_protos name)
  cmake_parse_arguments(ARG "GRPC" "" "PROTOS;DEPS" ${ARGN})
  set(gen ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${gen})
  set(message_sources)
  set(service_sources)
  foreach(proto ${ARG_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(outputs ${gen}/${stem}.pb.cc ${gen}/${stem}.pb.h)
    set(plugin_args)
    if(ARG_GRPC)
      list(APPEND outputs ${gen}/${stem}.grpc.pb.cc ${gen}/${stem}.grpc.pb.h)
      set(plugin_args --grpc_out=${gen} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
      list(APPEND service_sources ${gen}/${stem}.grpc.pb.cc)
    endif()
    list(APPEND message_sources ${gen}/${stem}.pb.cc)
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/protos --cpp_out=${gen} ${plugin_args} ${proto}
      DEPENDS ${CMAKE_SOURCE_DIR}/protos/${proto}
      COMMENT "protoc ${proto}")
  endforeach()
  add_library(${name} STATIC ${message_sources})
  target_include_directories(${name} SYSTEM PUBLIC ${gen})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  target_compile_options(${name} PRIVATE -w)
  if(ARG_GRPC)
    add_library(${name}_grpc STATIC ${service_sources})
    target_link_libraries(${name}_grpc PUBLIC ${name} PkgConfig::GRPCPP)
    target_compile_options(${name}_grpc PRIVATE -w)
    # gRPC's headers cost more than the code.
    set_target_properties(${name}_grpc PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
  endif()
endfunction()
