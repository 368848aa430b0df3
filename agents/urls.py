from __future__ import annotations

from django.urls import path

from agents import views

app_name = "agents"

urlpatterns = [
    path("runs/", views.runs, name="runs"),
    path("runs/<path:thread_id>/", views.run, name="run"),
]
