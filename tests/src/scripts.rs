//! What guests of several kinds run alike: shell scripts, for a port that echoes,
//! with the sample programs beside them.

/// The port that echoes.
pub const ECHO: &str = "org.portunus.echo.0";

/// Another, which comes later.
pub const LATE: &str = "org.portunus.late.0";

/// Ports that come and go: it says `up`, and waits for [`LATE`]; says `moving`
/// once bytes are on their way through [`ECHO`], and `gone` once that is; then waits
/// for it again. `$P` is the path of that port.
pub const COME_AND_GO: &str = "
echo up
./wait-for-port.sh org.portunus.late.0; ./hello /dev/virtio-ports/org.portunus.late.0 late-works
./transfer.py $P 1000000000 2>&1 &
until ls -l /proc/$!/fd | grep -q vport0p1; do :; done; echo moving
! wait $!
while [ -e $P ]; do :; done; echo gone
./wait-for-port.sh org.portunus.echo.0; ./hello $P again-works
./transfer.py $P 1000000
./hello /dev/virtio-ports/org.portunus.late.0 late-still-works
";
