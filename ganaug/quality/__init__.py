"""How good synthetic rows are: functions of (real, synthetic) encoded rows."""
