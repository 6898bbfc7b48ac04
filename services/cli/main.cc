#include "services/cli/commands/commands.h"

int main(int argc, char** argv) {
  return invigil::cli::RunCommand(invigil::cli::Words(argv + (argc > 0 ? 1 : 0), argv + argc));
}
