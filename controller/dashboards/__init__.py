"""Grafana's dashboards as code: what is on them (`boards`), and how Grafana wants it told (`grafana`).

`python -m controller.dashboards FOLDER` writes a JSON file each; nothing of this runs in a service.
"""
