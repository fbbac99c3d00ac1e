import VouchKit

// Synchronous, and signals first: an async main, or a thread that exists before signals are blocked,
// lets them kill the process (FIELD-NOTES, section 3).
let beginning = Vouch.Beginning()
CommandLineInterface.main(beginning)
