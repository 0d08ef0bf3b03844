//! Mounts the workbench where the page that only shows has left off; or the embed, if the document
//! says so.

fn main() {
    let embed = gloo::utils::body().has_attribute("data-embed");
    web::root::mount(embed, web::interop::handed_over());
}
