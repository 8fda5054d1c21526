"""Real processes, really killed: no acknowledged event is lost, none is counted twice."""
