from __future__ import annotations

from django.urls import path

from agents import views

app_name = "agents"

# A thread id is a path to Django, so what follows it is matched first.
urlpatterns = [
    path("runs/", views.runs, name="runs"),
    path("runs/<path:thread_id>/steps/", views.steps, name="steps"),
    path("runs/<path:thread_id>/steps/<slug:checkpoint_id>/", views.step, name="step"),
    path("runs/<path:thread_id>/cancel/", views.steer, {"wish": "cancel"}, name="cancel"),
    path("runs/<path:thread_id>/retry/", views.steer, {"wish": "retry"}, name="retry"),
    path("runs/<path:thread_id>/repair/", views.steer, {"wish": "repair"}, name="repair"),
    path("runs/<path:thread_id>/", views.run, name="run"),
]
