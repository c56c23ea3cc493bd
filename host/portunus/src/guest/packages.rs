//! Packages by apt, without root and without touching the system: apt works out
//! what a few packages need (as on a machine that has nothing installed),
//! fetches it, and checks it against the distribution's signatures.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::progress::Progress;

/// How many of apt's last lines an error repeats.
const REPEATED_LINES: usize = 4;

/// Starts a program that ends when we do, however that is: no download goes on
/// for nobody. Of util-linux, which every Debian has.
const BOUND_TO_US: &str = "setpriv";

/// Its exit status, and a shell's, where there is no such program.
const NOT_FOUND: i32 = 127;

const FIND: &str = "find the guest's packages";

/// Why the guest's packages could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A program that is part of every Debian is not here.
    #[error(
        "the guest is made of Debian packages, and this machine has no `{program}` to fetch and unpack them: \
         prepare the guest's folder on Debian or Ubuntu and name it in PORTUNUS_GUEST_DIR"
    )]
    NoProgram {
        /// The program's name.
        program: &'static str,
    },
    /// apt could not do what it was asked.
    #[error(
        "apt could not {purpose}: {said}\n\
         Check that this machine reaches its package archive, and that its sources have all of it \
         (Debian: main, Ubuntu: main and universe)"
    )]
    Apt {
        /// What it was asked for.
        purpose: &'static str,
        /// The last lines of what it said.
        said: String,
    },
    /// A package file could not be unpacked.
    #[error("{package} could not be unpacked: {said}")]
    Unpack {
        /// The package's file.
        package: PathBuf,
        /// What the unpacking programs said.
        said: String,
    },
    /// A file or folder of ours could not be written.
    #[error("{path}: {cause}: check that the folder can be written and its disk is not full")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// One package file, as apt names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// `name_version_architecture.deb`, with the version percent-encoded.
    pub(super) file: String,
    /// Size of the file in bytes.
    pub(super) bytes: u64,
}

/// apt with a state and a cache of its own, in one folder.
#[derive(Debug)]
pub(super) struct Apt {
    folder: PathBuf,
    configuration: PathBuf,
}

impl Apt {
    /// Takes `folder` for apt's files. It uses the package lists of the system
    /// as long as they do.
    pub(super) fn new(folder: &Path) -> Result<Self, FetchError> {
        for part in ["archives/partial", "lists/partial", "none/partial"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(|cause| FetchError::Folder { path, cause })?;
        }
        let apt = Self {
            folder: folder.to_owned(),
            configuration: folder.join("apt.conf"),
        };
        write(&folder.join("status"), "")?;
        apt.configure(Lists::OfTheSystem)?;
        Ok(apt)
    }

    /// Downloads `names` and all they need into the folder; answers what these
    /// are, in apt's order.
    pub(super) fn fetch(
        &self,
        names: &[&str],
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<Vec<Package>, FetchError> {
        match self.plan_and_download(names, tell) {
            Err(FetchError::Apt { .. }) => {
                tell(&Progress::UpdatingLists);
                self.configure(Lists::OfOurs)?;
                // A source that cannot be reached may be one that is not needed.
                let every_fault = "--option=APT::Update::Error-Mode=any";
                let updated = self.apt_get("fetch its package lists", &["update", every_fault]);
                self.plan_and_download(names, tell)
                    .map_err(|fault| updated.err().unwrap_or(fault))
            }
            done => done,
        }
    }

    /// Where the downloaded file of `package` is.
    pub(super) fn path_of(&self, package: &Package) -> PathBuf {
        self.folder.join("archives").join(&package.file)
    }

    fn plan_and_download(
        &self,
        names: &[&str],
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<Vec<Package>, FetchError> {
        let install = |mode| [&["install", "--yes", mode][..], names].concat();
        // apt leaves out of its plan what it finds downloaded.
        let nothing = format!(
            "--option=Dir::Cache::archives={}",
            self.folder.join("none").display()
        );
        let mut arguments = install("--print-uris");
        arguments.push(&nothing);
        let plan = self.apt_get(FIND, &arguments)?;
        let packages = parse_plan(&plan);
        if packages.is_empty() {
            let said = last_lines(plan.as_bytes());
            return Err(FetchError::Apt {
                purpose: FIND,
                said,
            });
        }
        let bytes = packages.iter().map(|package| package.bytes).sum();
        tell(&Progress::Fetching {
            packages: packages.len(),
            bytes,
        });
        self.apt_get("download the guest's packages", &install("--download-only"))?;
        Ok(packages)
    }

    fn apt_get(&self, purpose: &'static str, arguments: &[&str]) -> Result<String, FetchError> {
        let mut command = Command::new(BOUND_TO_US);
        command
            .args(["--pdeathsig", "TERM", "apt-get", "--quiet"])
            .arg("--config-file")
            .arg(&self.configuration)
            .args(arguments);
        let output = output_of(&mut command, BOUND_TO_US)?;
        match output.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            Some(NOT_FOUND) => Err(FetchError::NoProgram { program: "apt-get" }),
            _ => Err(FetchError::Apt {
                purpose,
                said: last_lines(&output.stderr),
            }),
        }
    }

    fn configure(&self, lists: Lists) -> Result<(), FetchError> {
        let folder = self.folder.display();
        let lists = match lists {
            Lists::OfTheSystem => String::new(),
            Lists::OfOurs => format!("Dir::State::lists \"{folder}/lists\";\n"),
        };
        // An empty status: nothing is installed, so that everything is needed.
        // The hooks are the system's own and may ask for root.
        let text = format!(
            "Dir::State::status \"{folder}/status\";\n\
             Dir::State::extended_states \"{folder}/extended_states\";\n\
             Dir::Cache \"{folder}\";\n\
             Dir::Cache::archives \"archives\";\n\
             Dir::Cache::pkgcache \"\";\n\
             Dir::Cache::srcpkgcache \"\";\n\
             {lists}\
             APT::Install-Recommends \"false\";\n\
             APT::Sandbox::User \"\";\n\
             #clear APT::Update::Pre-Invoke;\n\
             #clear APT::Update::Post-Invoke;\n\
             #clear APT::Update::Post-Invoke-Success;\n"
        );
        write(&self.configuration, &text)
    }
}

/// Whose knowledge of what packages there are.
enum Lists {
    OfTheSystem,
    OfOurs,
}

/// Unpacks a package file into `root`, through links that stand there: a merged
/// `/usr` stays merged. Owners and set-user-id bits stay behind.
pub(super) fn unpack(package: &Path, root: &Path) -> Result<(), FetchError> {
    let failed = |said| FetchError::Unpack {
        package: package.to_owned(),
        said,
    };
    let mut contents = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|cause| {
            no_program("dpkg-deb", &cause).unwrap_or_else(|| failed(cause.to_string()))
        })?;
    let mut tar = Command::new("tar");
    tar.args([
        "--extract",
        "--keep-directory-symlink",
        "--no-same-owner",
        "--no-same-permissions",
    ])
    .arg("--directory")
    .arg(root)
    .stdin(contents.stdout.take().map_or_else(Stdio::null, Stdio::from));
    let unpacked = tar.output();
    let read = contents.wait();
    let unpacked = unpacked
        .map_err(|cause| no_program("tar", &cause).unwrap_or_else(|| failed(cause.to_string())))?;
    if !unpacked.status.success() {
        return Err(failed(last_lines(&unpacked.stderr)));
    }
    match read {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("dpkg-deb: {status}"))),
        Err(cause) => Err(failed(cause.to_string())),
    }
}

/// Reads what `apt-get --print-uris` said: `'URI' FILE BYTES HASH` for each
/// package, between lines of talk.
fn parse_plan(said: &str) -> Vec<Package> {
    let package = |line: &str| {
        let (_uri, rest) = line.strip_prefix('\'')?.split_once("' ")?;
        let mut words = rest.split(' ');
        let file = words.next()?.to_owned();
        let bytes = words.next()?.parse().ok()?;
        Some(Package { file, bytes })
    };
    said.lines().filter_map(package).collect()
}

fn output_of(command: &mut Command, program: &'static str) -> Result<Output, FetchError> {
    // apt's words are read by `parse_plan` and shown to people.
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command.output().map_err(|cause| {
        no_program(program, &cause).unwrap_or_else(|| FetchError::Apt {
            purpose: "be started",
            said: cause.to_string(),
        })
    })
}

fn no_program(program: &'static str, cause: &io::Error) -> Option<FetchError> {
    (cause.kind() == io::ErrorKind::NotFound).then_some(FetchError::NoProgram { program })
}

fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let skipped = lines.len().saturating_sub(REPEATED_LINES);
    lines
        .into_iter()
        .skip(skipped)
        .collect::<Vec<_>>()
        .join("; ")
}

fn write(path: &Path, text: &str) -> Result<(), FetchError> {
    fs::write(path, text).map_err(|cause| FetchError::Folder {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
#[path = "packages_tests.rs"]
mod tests;
