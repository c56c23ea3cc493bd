//! The program `portunus`.

use std::process::ExitCode;

fn main() -> ExitCode {
    portunus::command::main()
}
