// What `cohort launch` hands down to the ranks in their environment.

public enum LaunchEnvironment {
  /// The number of this start of the run, from 1.
  public static let attempt = "COHORT_ATTEMPT"
  /// Tells the processes of one launch from all others.
  public static let marker = "COHORT_LAUNCH"
}
