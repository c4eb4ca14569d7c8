"""What every request passes before an endpoint sees it: bounds, quotas, clear text, a log line."""
