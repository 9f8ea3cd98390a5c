// Every check of the doctor, in the order of the report.

/// Add yours as one line. Data are checked by Training, which can read packs.
public let doctorCatalog: [DoctorCheck] = [
  rankCheck,
  placementCheck,
  arithmeticCheck,
  networkCheck,
  linkCheck,
  sharedMemoryCheck,
  limitsCheck,
  storageCheck,
  parallelFileCheck,
  signalCheck,
  slurmCheck,
]
