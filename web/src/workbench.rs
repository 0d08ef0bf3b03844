//! Mounts the workbench where the page that only shows has left off.

fn main() {
    web::root::mount(false, web::interop::handed_over());
}
