// Inside a Slurm job: how long it has, whether it may be queued again, and whether scontrol answers.

import Foundation

let slurmCheck = DoctorCheck("Slurm") { world, plan in
  let environment = ProcessInfo.processInfo.environment
  guard world.rank == 0, let job = environment["SLURM_JOB_ID"] else { return [] }
  return judgeSlurm(job: job, description: plan.slurmJob, now: Date())
}

/// - Parameter description: the output of `scontrol show job`; nil if it did not answer.
package func judgeSlurm(job: String, description: String?, now: Date) -> [Finding] {
  guard let facts = description.map(slurmFields), facts["JobId"] != nil else {
    return [
      .warning(
        "Slurm job \(job)", "scontrol does not answer here",
        hint: "a job can then not be queued again from inside: submit it again by hand, or let scontrol into the container")
    ]
  }
  let restarts = facts["Restarts"] ?? "0"
  let end = facts["EndTime"].flatMap(slurmTime)
  let left = end.map { end in "\(Int(end.timeIntervalSince(now) / 60)) min left" } ?? "no time limit"
  let value =
    "\(left), started \((Int(restarts) ?? 0) + 1) time\(restarts == "0" ? "" : "s"), "
    + "\(facts["Requeue"] == "1" ? "may" : "may not") be queued again"
  guard facts["Requeue"] == "1" else {
    return [.warning("Slurm job \(job)", value, hint: "add --requeue to the sbatch line; slurm/train.sbatch has it")]
  }
  if let end, end.timeIntervalSince(now) < 300 {
    return [
      .warning("Slurm job \(job)", value, hint: "ask for more time (--time): a run stops and saves some minutes before the end")
    ]
  }
  return [.ok("Slurm job \(job)", value)]
}

/// The `Key=Value` words of `scontrol show job`.
package func slurmFields(_ text: String) -> [String: String] {
  let pairs = text.split(whereSeparator: \.isWhitespace).compactMap { word -> (String, String)? in
    let parts = word.split(separator: "=", maxSplits: 1)
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
  }
  return Dictionary(pairs) { first, _ in first }
}

/// A time such as `2026-11-21T20:31:00`, in the local zone.
package func slurmTime(_ text: String) -> Date? {
  let format = DateFormatter()
  format.locale = Locale(identifier: "en_US_POSIX")
  format.dateFormat = "yyyy-MM-dd'T'HH:mm:ss"
  return format.date(from: text)
}
