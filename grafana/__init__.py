"""The Grafana dashboards, written in Python; `python -m grafana` makes their JSON anew."""
