use super::*;

#[test]
fn kvm_runs_processors_where_the_hosts_own_say_that_they_can() {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let can = processors
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split(' ').any(|flag| flag == "vmx" || flag == "svm"));
    let only_emulates = kvm_only_emulates().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(only_emulates, !can);
}
