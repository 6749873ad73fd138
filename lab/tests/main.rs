//! The lab as its users have it: real servers, real CLIs.

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod nothing;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod strimzi_model;
#[cfg(test)]
mod terraform;
