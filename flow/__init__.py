"""What is done with the hardware: command line, Verilog, synthesis, estimates, reports."""
