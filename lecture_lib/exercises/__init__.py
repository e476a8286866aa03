"""The probes, a module for each unit. A probe calls the student's object and observes; it holds no answer."""
