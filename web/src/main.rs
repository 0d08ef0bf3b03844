//! Mounts the page.

fn main() {
    web::root::mount();
}
