// Before mpirun can reach other hosts: ask each over ssh for its networks, find the one that all share, and start the program
// there over it.

import Cluster
import Files
import Foundation
import MPI
import Synchronization

/// Starts this program under mpirun, one rank on each host of a hostfile (all slots where it is a single host), over the network
/// that all hosts share. Does not return unless something is wrong.
func examineHosts(of path: String, arguments: [String], isQuiet: Bool) throws {
  let hosts = try Hostfile(path: path).hosts
  let answers = askAll(hosts.map(\.name))
  let silent = hosts.compactMap { host in answers[host.name]?.error.map { "\(host.name): \($0)" } }
  guard silent.isEmpty else {
    throw ClusterError(
      "no answer over ssh from \(silent.joined(separator: "; ")). `ssh HOST hostname` must work for each host without a question: "
        + "copy your key there with ssh-copy-id, and accept its host key once.")
  }
  let networks = sharedNetworks(hosts.map { ($0.name, answers[$0.name]?.addresses ?? []) })
  guard hosts.count == 1 || !networks.isEmpty else {
    let list = hosts.map { host in "\(host.name): " + (answers[host.name]?.addresses.map(\.network).joined(separator: ", ") ?? "")
    }
    throw ClusterError(
      "no network connects all hosts of \(path) (\(list.joined(separator: "; "))): put them into one network, or leave some out.")
  }
  let ranks = hosts.count == 1 ? hosts[0].slots : hosts.count
  let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let options = hosts.count == 1 ? [] : mpirunOptions(network: networks[0])
  let settings = ProcessInfo.processInfo.environment.keys.filter { name in librarySettings.contains { name.hasPrefix($0) } }
    .sorted()
  let command =
    mpirunCommand + ["--hostfile", realPath(path), "--map-by", "node", "--bind-to", "none"] + options
    + settings.flatMap { ["-x", $0] }
    + ["-n", "\(ranks)", program] + arguments
  if !isQuiet { print(command.joined(separator: " ") + "\n") }
  fflush(nil)
  throw ClusterError("cannot start mpirun: \(replaceProcess(command)). Install openmpi-bin.")
}

/// A host's answer.
private struct Answer: Sendable {
  var addresses: [NetworkAddress] = []
  var error: String?
}

/// Asks all hosts at once.
private func askAll(_ names: [String]) -> [String: Answer] {
  let answers = Mutex<[String: Answer]>([:])
  DispatchQueue.concurrentPerform(iterations: names.count) { number in
    let answer = ask(names[number])
    answers.withLock { $0[names[number]] = answer }
  }
  return answers.withLock { $0 }
}

private func ask(_ name: String) -> Answer {
  if ["localhost", "127.0.0.1", Communicator.hostName].contains(name) { return Answer(addresses: NetworkAddress.ofThisHost) }
  // The same way that mpirun takes.
  let agent = ProcessInfo.processInfo.environment["OMPI_MCA_plm_rsh_agent"] ?? "ssh"
  let command =
    agent.split(separator: " ").map(String.init)
    + ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", name, "PATH=$PATH:/usr/sbin:/sbin ip -o -4 addr show"]
  do {
    let answer = try output(of: command, limit: 10)
    let addresses = NetworkAddress.parse(ipOutput: answer.text)
    guard answer.status == 0, !addresses.isEmpty else {
      return Answer(error: answer.text.split(separator: "\n").last.map(String.init) ?? "exit code \(answer.status)")
    }
    return Answer(addresses: addresses)
  } catch { return Answer(error: "\(error)") }
}

/// Runs a program for `limit` seconds at most; what it wrote to standard output and error. Its status is 124 if it had to be ended.
func output(of command: [String], limit: Double) throws -> (status: Int32, text: String) {
  let process = try ChildProcess(["sh", "-c", #"exec "$@" 2>&1"#, "sh"] + command, readsOutput: true)
  let deadline = HostClock.seconds + limit
  let text = process.output(until: deadline), end = process.wait(until: deadline)
  process.killGroup(SIGKILL)
  guard case .exited(let status) = end else { return (124, text) }
  return (status, text)
}

/// Puts another program in the place of this one; returns only if that fails, with the reason.
private func replaceProcess(_ command: [String]) -> String {
  var arguments = command.map { strdup($0) } + [nil]
  execvp(command[0], &arguments)
  return String(cString: strerror(errno))
}
