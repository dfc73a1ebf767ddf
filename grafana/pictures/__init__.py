"""Pictures of the dashboards, with a real agent behind them: `python -m grafana.pictures`."""
