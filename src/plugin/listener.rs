//! Where the plugin listens: a unix socket in the temporary directory, or a local port on Windows.

use std::{env, io, net::SocketAddr, path::PathBuf};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

use super::handshake::variable;

/// The longest path of a unix socket that every system takes, in bytes.
const PATH_MAX: usize = 100;

/// A byte stream in both directions.
pub trait Pipe: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Pipe for T {}

/// An address that clients can connect to. A socket's file goes with it.
#[derive(Debug)]
pub enum Place {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Place {
    pub const fn network(&self) -> &'static str {
        match self {
            Self::Unix(_) => "unix",
            Self::Tcp(_) => "tcp",
        }
    }

    pub fn address(&self) -> String {
        match self {
            Self::Unix(path) => path.display().to_string(),
            Self::Tcp(address) => address.to_string(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Unix(path) = self {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// An open ear.
pub enum Listener {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Listens as the platform and the client's variables have it.
    ///
    /// # Errors
    /// When no socket can be made.
    pub async fn open() -> io::Result<(Self, Place)> {
        #[cfg(unix)]
        return unix::open(variable("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from), variable("PLUGIN_UNIX_SOCKET_GROUP"));
        #[cfg(not(unix))]
        return Self::open_tcp(port("PLUGIN_MIN_PORT", 10_000), port("PLUGIN_MAX_PORT", 25_000)).await;
    }

    /// Listens on the first free local port of a range.
    ///
    /// # Errors
    /// When every port is taken.
    pub async fn open_tcp(first: u16, last: u16) -> io::Result<(Self, Place)> {
        for port in first..=last {
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
                let place = Place::Tcp(listener.local_addr()?);
                return Ok((Self::Tcp(listener), place));
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no port from {first} to {last} is free on 127.0.0.1")))
    }

    /// Waits for the next client.
    ///
    /// # Errors
    /// When the system refuses, for example for want of file descriptors.
    pub async fn accept(&self) -> io::Result<Box<dyn Pipe>> {
        match self {
            #[cfg(unix)]
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Pipe>),
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// A port from the client's variables.
#[cfg(not(unix))]
fn port(name: &str, otherwise: u16) -> u16 {
    variable(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, chown},
        path::Path,
        process,
    };

    use super::{Listener, PATH_MAX, PathBuf, Place, env, io};

    /// Names are short and tell processes apart; a left-over file of an earlier process with this id is passed over.
    pub(super) fn open(wanted: Option<PathBuf>, group: Option<String>) -> io::Result<(Listener, Place)> {
        let directory = wanted.unwrap_or_else(temporary);
        for attempt in 0..100_u32 {
            let path = directory.join(format!("plugin{}-{attempt}", process::id()));
            match tokio::net::UnixListener::bind(&path) {
                Ok(listener) => {
                    let place = Place::Unix(path.clone());
                    permit(&path, group.as_deref())?;
                    return Ok((Listener::Unix(listener), place));
                }
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
                Err(e) => return Err(io::Error::new(e.kind(), format!("listen on {}: {e}", path.display()))),
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no socket can be named in {}", directory.display())))
    }

    /// The temporary directory, unless its name is too long for a socket's path.
    fn temporary() -> PathBuf {
        let directory = env::temp_dir();
        if directory.as_os_str().len() + "/plugin4294967295-99".len() <= PATH_MAX { directory } else { PathBuf::from("/tmp") }
    }

    /// The owner only, or a group that the client named too.
    fn permit(path: &Path, group: Option<&str>) -> io::Result<()> {
        let Some(group) = group.filter(|name| !name.is_empty()) else {
            return fs::set_permissions(path, Permissions::from_mode(0o600));
        };
        let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("PLUGIN_UNIX_SOCKET_GROUP names no group: {group}"));
        chown(path, None, Some(group_id(group).ok_or_else(unknown)?))?;
        fs::set_permissions(path, Permissions::from_mode(0o660))
    }

    /// A group by number, or by name from the local group file.
    fn group_id(group: &str) -> Option<u32> {
        let of_line = |line: &str| {
            let mut parts = line.split(':');
            (parts.next() == Some(group)).then(|| parts.nth(1)).flatten()?.parse().ok()
        };
        group.parse().ok().or_else(|| fs::read_to_string("/etc/group").ok()?.lines().find_map(of_line))
    }
}
