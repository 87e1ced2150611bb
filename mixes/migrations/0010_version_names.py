from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mixes", "0009_snapshot_format"),
    ]

    operations = [
        migrations.AddField(
            model_name="mixjob",
            name="name",
            field=models.CharField(blank=True, max_length=100),
        ),
    ]
