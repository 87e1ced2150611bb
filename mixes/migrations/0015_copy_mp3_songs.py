from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mixes", "0014_club_style"),
    ]

    operations = [
        # mixes that are there stay as they are; new ones copy
        migrations.AddField(
            model_name="mix",
            name="copy_mp3",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="mix",
            name="copy_mp3",
            field=models.BooleanField(default=True),
        ),
    ]
