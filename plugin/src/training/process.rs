//! The program that trains, as the system runs it: out of the way of what plays, and ended with all that it has started.

use std::io;
use std::process::{Child, Command, ExitStatus};

/// A running program; dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    has_ended: bool,
    family: family::Family,
}

impl Process {
    /// Starts a program at low priority, without a window of its own.
    ///
    /// # Errors
    /// If the system does not start it.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        family::prepare(command);
        let child = command.spawn()?;
        Ok(Self {
            family: family::Family::of(&child),
            child,
            has_ended: false,
        })
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// If the system cannot say.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.has_ended = status.is_some();
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        self.family.end();
        // Each fails only where it has ended already; waiting leaves no zombie.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processes as a group of their own, which programs that they start join.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the functions of the system are foreign")]
mod family {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command};

    /// Nicer than most: what plays gets the processor first.
    const NICENESS: libc::c_int = 10;

    #[derive(Debug)]
    pub(super) struct Family(libc::pid_t);

    pub(super) fn prepare(command: &mut Command) {
        command.process_group(0);
    }

    impl Family {
        pub(super) fn of(child: &Child) -> Self {
            let group = libc::pid_t::try_from(child.id()).unwrap_or_default();
            if group > 0 {
                // SAFETY: no memory is touched. A system that refuses lets it train at the usual priority.
                unsafe { libc::setpriority(libc::PRIO_PGRP, child.id(), NICENESS) };
            }
            Self(group)
        }

        pub(super) fn end(&self) {
            if self.0 > 0 {
                // SAFETY: no memory is touched. The group's first process has not been waited for, so its number is its own.
                unsafe { libc::killpg(self.0, libc::SIGKILL) };
            }
        }
    }
}

/// Processes as a job object, which programs that they start join, and which ends with the host if that crashes.
#[cfg(windows)]
#[expect(unsafe_code, reason = "the functions of Windows are foreign")]
mod family {
    use std::os::windows::io::AsRawHandle as _;
    use std::os::windows::process::CommandExt as _;
    use std::process::{Child, Command};
    use windows::Win32::Foundation::{CloseHandle, HANDLE};
    use windows::Win32::System::JobObjects::{
        AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
        SetInformationJobObject, TerminateJobObject,
    };
    use windows::Win32::System::Threading::{BELOW_NORMAL_PRIORITY_CLASS, CREATE_NO_WINDOW};

    /// `None` where the system refused a job: then only the program itself is ended.
    #[derive(Debug)]
    pub(super) struct Family(Option<HANDLE>);

    // SAFETY: a handle may be used on every thread.
    unsafe impl Send for Family {}

    pub(super) fn prepare(command: &mut Command) {
        command.creation_flags(CREATE_NO_WINDOW.0 | BELOW_NORMAL_PRIORITY_CLASS.0);
    }

    impl Family {
        pub(super) fn of(child: &Child) -> Self {
            let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
            limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
            let length = u32::try_from(size_of_val(&limits)).unwrap_or_default();
            let kind = JobObjectExtendedLimitInformation;
            // SAFETY: the limits are of this kind and length and outlive the call; the child lives in its handle.
            let job = unsafe {
                CreateJobObjectW(None, None).and_then(|job| {
                    let family = Self(Some(job));
                    SetInformationJobObject(job, kind, (&raw const limits).cast(), length)?;
                    AssignProcessToJobObject(job, HANDLE(child.as_raw_handle()))?;
                    Ok(family)
                })
            };
            job.unwrap_or(Self(None))
        }

        pub(super) fn end(&self) {
            if let Some(job) = self.0 {
                // SAFETY: the job is ours. It fails only where all have ended.
                let _ = unsafe { TerminateJobObject(job, 1) };
            }
        }
    }

    impl Drop for Family {
        fn drop(&mut self) {
            if let Some(job) = self.0 {
                // SAFETY: the job is ours and not used any more.
                let _ = unsafe { CloseHandle(job) };
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    #[test]
    fn a_program_is_ended_with_what_it_has_started() {
        // Its output is closed once nobody holds it any more.
        let script = "echo here; sleep 600 & wait";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        let mut process = Process::start(&mut command).unwrap();
        let mut output = BufReader::new(process.child.stdout.take().unwrap());
        let mut said = String::new();
        output.read_line(&mut said).unwrap();
        assert_eq!(process.ended().unwrap(), None);
        drop(process);
        assert_eq!(output.read_line(&mut said).unwrap(), 0);
    }

    #[test]
    fn a_program_that_ends_says_how() {
        let mut command = Command::new("sh");
        let mut process = Process::start(command.args(["-c", "exit 3"])).unwrap();
        let status = loop {
            if let Some(status) = process.ended().unwrap() {
                break status;
            }
            std::thread::yield_now();
        };
        assert_eq!(status.code(), Some(3));
    }
}
