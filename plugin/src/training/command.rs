//! Where the command `fourbar` is, which trains: a program beside the plugin or where the system finds programs.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// An environment variable with the path of another command.
pub const VARIABLE: &str = "FOURBAR_COMMAND";

/// What its file is called.
const PROGRAM: &str = if cfg!(windows) {
    "fourbar.exe"
} else {
    "fourbar"
};

/// The command: the one that [`VARIABLE`] names, else one beside the plugin or inside its bundle, on `PATH`, or where
/// programs are usually put, which a DAW that was not started from a shell may not have on its `PATH`.
///
/// # Errors
/// If there is none; the text is for the user.
pub(super) fn find() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(format!(
                "Nothing was trained: {VARIABLE} names {}, which is no file. Correct it, or take it away.",
                named.display()
            ))
        };
    }
    let library = library();
    let beside = library.as_deref().map(beside).unwrap_or_default();
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = usual_folders();
    let folders = env::split_paths(&path).chain(usual.iter().cloned());
    let mut places = beside
        .into_iter()
        .chain(folders.map(|folder| folder.join(PROGRAM)));
    places.find(|place| place.is_file()).ok_or_else(|| {
        let remedy = usual.first().map_or(String::new(), |folder| {
            format!(", such as {}", folder.display())
        });
        format!(
            "Nothing was trained, because the command {PROGRAM} was not found. It comes with Fourbar: copy it beside the \
             plugin or where your system finds programs{remedy}."
        )
    })
}

/// Where the command may be around the plugin's `library`: in each folder of its bundle, and beside the bundle.
fn beside(library: &Path) -> Vec<PathBuf> {
    let is_bundle = |folder: &&Path| {
        let extension = folder
            .extension()
            .and_then(OsStr::to_str)
            .unwrap_or_default();
        ["clap", "vst3"].contains(&extension)
    };
    let bundle = library
        .ancestors()
        .filter(is_bundle)
        .last()
        .unwrap_or(library);
    let around = library.ancestors().skip(1);
    let n_folders = library.components().count() - bundle.components().count() + 1;
    let places = around.take(n_folders).map(|folder| folder.join(PROGRAM));
    // Where names have no case, the library of a bundle for macOS is called so itself.
    let is_library = |place: &PathBuf| place.as_os_str().eq_ignore_ascii_case(library);
    places.filter(|place| !is_library(place)).collect()
}

/// Where programs are put, the user's own folder first.
fn usual_folders() -> Vec<PathBuf> {
    let home = directories::BaseDirs::new();
    let of_home = |folders: &[&str]| -> Vec<PathBuf> {
        let home = home.iter().map(|home| home.home_dir());
        home.flat_map(|home| folders.iter().map(|folder| home.join(folder)))
            .collect()
    };
    if cfg!(windows) {
        let own = home.iter().map(|home| home.data_local_dir());
        let mut own: Vec<PathBuf> = own
            .map(|data| data.join("Programs").join("Fourbar"))
            .collect();
        own.extend(of_home(&[".cargo\\bin"]));
        own
    } else {
        let mut folders = of_home(&[".local/bin", ".cargo/bin"]);
        folders.extend(["/usr/local/bin", "/opt/homebrew/bin"].map(PathBuf::from));
        folders
    }
}

/// A command line as it can be pasted into a shell.
pub(super) fn in_shell(arguments: &[OsString]) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:\\".contains(letter);
    let words = arguments.iter().map(|argument| {
        let word = argument.to_string_lossy();
        if word.chars().all(is_plain) && (cfg!(windows) || !word.contains('\\')) {
            word.into_owned()
        } else if cfg!(windows) {
            format!("\"{word}\"")
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    let words: Vec<String> = std::iter::once("fourbar".to_owned()).chain(words).collect();
    words.join(" ")
}

/// The file that this code is in.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the loader's function is foreign")]
fn library() -> Option<PathBuf> {
    use std::ffi::CStr;
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt as _;

    let mut found = MaybeUninit::<libc::Dl_info>::uninit();
    let inside = library as *const libc::c_void;
    // SAFETY: the address is of this function, and the loader fills `found` in where it does not return 0.
    let name = unsafe {
        if libc::dladdr(inside, found.as_mut_ptr()) == 0 {
            return None;
        }
        found.assume_init().dli_fname
    };
    if name.is_null() {
        return None;
    }
    // SAFETY: the loader's names end in 0 and stay as long as what they name, which runs this.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// The file that this code is in.
#[cfg(windows)]
#[expect(unsafe_code, reason = "the functions of Windows are foreign")]
fn library() -> Option<PathBuf> {
    use std::os::windows::ffi::OsStringExt as _;
    use windows::Win32::Foundation::HMODULE;
    use windows::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
        GetModuleFileNameW, GetModuleHandleExW,
    };
    use windows::core::PCWSTR;

    let flags =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    let mut module = HMODULE::default();
    let mut name = [0_u16; 1 << 15];
    // SAFETY: the address is of this function, the module is the one that runs it, and the buffer says its length.
    let length = unsafe {
        GetModuleHandleExW(flags, PCWSTR(library as *const u16), &raw mut module).ok()?;
        GetModuleFileNameW(Some(module), &mut name)
    };
    let name = name.get(..usize::try_from(length).ok()?)?;
    Some(PathBuf::from(OsString::from_wide(name)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_command_is_looked_for_in_the_bundle_and_beside_it_and_is_not_the_library() {
        let places = |library: &str| beside(Path::new(library));
        assert_eq!(
            places("/p/Fourbar.clap"),
            [PathBuf::from(format!("/p/{PROGRAM}"))]
        );
        let in_bundle = places("/p/Fourbar.vst3/Contents/x86_64-linux/Fourbar.so");
        let expected = [
            "/p/Fourbar.vst3/Contents/x86_64-linux",
            "/p/Fourbar.vst3/Contents",
            "/p/Fourbar.vst3",
            "/p",
        ];
        assert_eq!(
            in_bundle,
            expected.map(|folder| Path::new(folder).join(PROGRAM))
        );
        if !cfg!(windows) {
            let of_mac = places("/p/Fourbar.clap/Contents/MacOS/Fourbar");
            assert_eq!(of_mac.len(), 3);
            assert_eq!(of_mac[0], Path::new("/p/Fourbar.clap/Contents/fourbar"));
        }
    }

    #[test]
    fn the_library_is_the_file_that_runs() {
        let library = library().unwrap();
        let test = env::current_exe().unwrap();
        assert_eq!(library.file_name(), test.file_name());
    }

    #[cfg(unix)]
    #[test]
    fn a_command_line_can_be_pasted() {
        let arguments = ["train", "--data", "/my loops/Jo's", r"a\b"].map(OsString::from);
        assert_eq!(
            in_shell(&arguments),
            r"fourbar train --data '/my loops/Jo'\''s' 'a\b'"
        );
    }
}
