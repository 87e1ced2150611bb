from typing import Any

import django.core.validators
from django.db import migrations, models


def name_the_pairs(apps: Any, schema_editor: Any) -> None:
    """Bind each join that is set to the item that follows."""
    items = apps.get_model("mixes", "MixTrack").objects
    joined = items.exclude(join_style="", join_s=None, join_auto=False)
    for item in joined.iterator():
        after = items.filter(mix=item.mix_id, position=item.position + 1).first()
        if after is not None:
            items.filter(pk=item.pk).update(join_into=after.pk)


class Migration(migrations.Migration):
    dependencies = [
        ("mixes", "0007_waiting_jobs_and_runs"),
    ]

    operations = [
        migrations.AddField(
            model_name="mix",
            name="max_play_s",
            field=models.FloatField(
                blank=True,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(10.0),
                    django.core.validators.MaxValueValidator(3600.0),
                ],
            ),
        ),
        migrations.AddField(
            model_name="mixtrack",
            name="cue_in_s",
            field=models.FloatField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(0.0)]
            ),
        ),
        migrations.AddField(
            model_name="mixtrack",
            name="cue_out_s",
            field=models.FloatField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(0.0)]
            ),
        ),
        migrations.AddField(
            model_name="mixtrack",
            name="gain_db",
            field=models.FloatField(
                blank=True,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(-24.0),
                    django.core.validators.MaxValueValidator(12.0),
                ],
            ),
        ),
        migrations.AddField(
            model_name="mixtrack",
            name="join_into",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.RunPython(name_the_pairs, migrations.RunPython.noop),
    ]
