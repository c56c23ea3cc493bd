//! How much the program logs, and how: options of every command.

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::logging::{self, LogFormat, Verbosity};

/// Options of every command, told apart in the help.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(super) struct LogArguments {
    /// Logs more: once for what helps to find a fault, twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Logs warnings and errors alone.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Logs what this filter lets through, where neither -v nor -q is given: a level, or targets
    /// with theirs, like `warn,portunus::session=debug`.
    #[arg(
        long = "log",
        global = true,
        env = "PORTUNUS_LOG",
        value_name = "FILTER",
        value_parser = check_filter
    )]
    filter: Option<String>,
    /// Text for people, or one JSON object a line for tools.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
}

impl LogArguments {
    /// Starts the log, with `unasked` where nobody says how much.
    pub(super) fn start(&self, unasked: Verbosity) {
        logging::start(self.filter(unasked), self.log_format);
    }

    fn filter(&self, unasked: Verbosity) -> EnvFilter {
        if self.quiet {
            return Verbosity::quiet().filter();
        }
        let directives = self
            .filter
            .as_deref()
            .filter(|filter| self.verbose == 0 && !filter.is_empty());
        let given = directives.and_then(|directives| logging::parse_filter(directives).ok());
        let verbosity = match self.verbose {
            0 => unasked,
            times => Verbosity::louder(times),
        };
        given.unwrap_or_else(|| verbosity.filter())
    }
}

/// Refuses, with the other faults of the command line, what is no filter.
fn check_filter(directives: &str) -> Result<String, String> {
    match logging::parse_filter(directives) {
        Ok(_) => Ok(directives.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
#[path = "log_arguments_tests.rs"]
mod tests;
