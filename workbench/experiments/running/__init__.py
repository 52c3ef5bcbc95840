"""An experiment from file to verdict: `run.ExperimentRun` goes through its plan, and goes on after a kill."""
