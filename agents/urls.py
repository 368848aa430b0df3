from __future__ import annotations

from django.urls import path

from agents import views

app_name = "agents"

# A thread id is a path to Django, so what follows it is matched first.
urlpatterns = [
    path("runs/", views.runs, name="runs"),
    path("runs/<path:thread_id>/steps/", views.steps, name="steps"),
    path("runs/<path:thread_id>/steps/<slug:checkpoint_id>/", views.step, name="step"),
    path("runs/<path:thread_id>/", views.run, name="run"),
]
